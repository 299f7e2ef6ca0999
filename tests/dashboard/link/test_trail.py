"""The explained cell and the way to it, as links hold them."""

from dashboard.link.trail import read_trail


def test_a_norms_weights_go_by_their_earlier_names_too():
    link = "layers.0.attention.norm/2.3~layers.0.attention.norm.scale/3~layers.1.feedforward.norm.shift/9"
    earlier = read_trail(link)
    assert [address.name for address in earlier] == [
        "layers.0.attention.norm",
        "layers.0.attention_norm.scale",
        "layers.1.feedforward_norm.shift",
    ]
