// @ts-check
// A message of pictures, as dashboard/figures/message.py packs it: its arrays are looked at where they lie in its bytes.

const ARRAYS = { float32: Float32Array, float64: Float64Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array,
                 uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array };

/** @import { DrawingMessage } from "../messages" */
/** @typedef {Omit<DrawingMessage, "arrays">} Drawing */

/**
 * The drawings of a message. A matrix in a trace is a list of typed arrays, one a row.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Drawing[]}
 */
export function readMessage(bytes) {
  const aligned = bytes.byteOffset % 8 ? bytes.slice() : bytes; // a part of something longer may begin anywhere
  const { buffer, byteOffset } = aligned;
  const length = new DataView(buffer, byteOffset).getUint32(0, true);
  const header = new TextDecoder().decode(new Uint8Array(buffer, byteOffset + 4, length));
  return JSON.parse(header).drawings.map((drawing) => withArrays(drawing, buffer, byteOffset + 4 + length));
}

/**
 * @param {DrawingMessage} drawing
 * @param {ArrayBuffer} buffer
 * @param {number} start
 * @returns {Drawing}
 */
function withArrays({ arrays, ...drawing }, buffer, start) {
  const found = arrays.map(({ kind, offset, shape }) => arrayOf(ARRAYS[kind], buffer, start + offset, shape));
  for (const trace of drawing.traces) {
    for (const [name, value] of Object.entries(trace)) {
      if (Number.isInteger(value?.array)) trace[name] = found[value.array];
    }
  }
  return drawing;
}

/** @param {number[]} shape */
function arrayOf(Kind, buffer, start, shape) {
  const [first, ...rest] = shape;
  if (!rest.length) return new Kind(buffer, start, first);
  const each = rest.reduce((product, size) => product * size, Kind.BYTES_PER_ELEMENT);
  return Array.from({ length: first }, (_, index) => arrayOf(Kind, buffer, start + index * each, rest));
}
