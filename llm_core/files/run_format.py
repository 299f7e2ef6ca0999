"""The format of a run file.

The file is in the safetensors format, so numbers lie in it as they are and nothing in it can be executed. Its tensors
are named `steps.<index>.<matrix>`; its header holds one text, `run`, a JSON object:

- format, version: "every-matrix run", and a number that grows when a member changes its meaning
- model: name, loads_as (what `load_model` takes; null for weights that only one machine has), seed (of random weights),
  dtype, fingerprint, config. A choice of the config that is younger than the file was at its default; those of
  FIRST_CHOICES every file has
- settings: of each of the sampler's stages by its name, seed, new_tokens; versions of this project and of what it
  computed with. A stage that is younger than the file was off; those of FIRST_STAGES every file has
- prompt: text (null where only ids were given) and how many tokens it has; ids and labels of all tokens; ended
- named: where the file has a matrix as wide as the vocabulary, ids and labels of each step's likeliest tokens; files
  that were written before it was added lack it
- steps: for each sampled token its probabilities, the dice's number, the likeliest tokens, and the names of matrices
  that missed the run's next door
"""

FORMAT, FORMAT_VERSION = "every-matrix run", 1
SUFFIX = ".safetensors"
FIRST_STAGES = ("temperature", "top_k", "top_p")
FIRST_CHOICES = frozenset(
    """vocab_size model_dim feedforward_dim max_positions layers heads kv_heads head_dim attention_bias attention_output
    attention_output_bias qk_norm window position rope_theta rope_fraction rope_scaling norm norm_place norm_epsilon
    final_norm residuals parallel feedforward feedforward_bias feedforward_output tied unembedding_bias
    stop_ids""".split()  # noqa: SIM905
)
LIKELIEST = 10  # tokens of each step that the file tells the probabilities of
NAMED = 20  # tokens of each step whose labels the file has for a matrix of all tokens
LONGEST_LABEL = 1_000  # characters
