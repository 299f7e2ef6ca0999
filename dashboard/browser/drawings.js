// @ts-check
// Small drawings beside an explanation: a pair of numbers turned in the plane, a curve, a strip of bars.

import { svgElement } from "./element.js";
/** @import { Curve, Rotation, Strip } from "./messages" */

function picture(width, height, alt, parts) {
  const made = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": alt });
  made.append(...parts);
  return made;
}

/** @param {Rotation | Curve} drawing */
export function drawn(drawing) {
  return drawing.kind === "rotation" ? drawRotation(drawing) : drawCurve(drawing);
}

/**
 * A pair of numbers as an arrow, before and after it is turned; the arc is the angle, whole turns left out.
 * @param {Rotation} drawing
 */
function drawRotation({ before, after, angle, first, alt }) {
  const [middle, radius] = [70, 50];
  /** @param {number[]} point */
  const at = ([x, y], share = 1) => [middle + x * radius * share, middle - y * radius * share];
  const arrow = (end, name) => {
    const [x, y] = at(end);
    const tip = svgElement("circle", { cx: x, cy: y, r: 4, class: name });
    return [svgElement("line", { x1: middle, y1: middle, x2: x, y2: y, class: name }), tip];
  };
  const start = Math.atan2(before[1], before[0]);
  const turn = angle % (2 * Math.PI);
  const [a, b] = [at([Math.cos(start), Math.sin(start)], 0.5), at([Math.cos(start + turn), Math.sin(start + turn)], 0.5)];
  const arc = `M ${a} A ${radius / 2} ${radius / 2} 0 ${Math.abs(turn) > Math.PI ? 1 : 0} ${turn > 0 ? 0 : 1} ${b}`;
  const result = first ? [after[0], 0] : [0, after[1]];
  return picture(140, 140, alt, [
    svgElement("circle", { cx: middle, cy: middle, r: radius, class: "faint" }),
    svgElement("path", { d: `M 8 ${middle} H 132 M ${middle} 8 V 132`, class: "faint" }),
    svgElement("path", { d: arc, class: "arc" }),
    svgElement("path", { d: `M ${at(after)} L ${at(result)}`, class: "drop" }),
    ...arrow(before, "before"), ...arrow(after, "after"),
    svgElement("text", { x: 138, y: middle - 4, "text-anchor": "end" }, "1st"),
    svgElement("text", { x: middle + 5, y: 12 }, "2nd"),
  ]);
}

/** @param {Curve} drawing */
function drawCurve({ points, at, name, alt }) {
  const [width, height, edge] = [180, 124, 14];
  const xs = points.map(([x]) => x);
  const ys = [...points.map(([, y]) => y), at[1]];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const x = (v) => edge + ((v - left) / (right - left)) * (width - 2 * edge);
  const y = (v) => height - edge - ((v - low) / (high - low || 1)) * (height - 2 * edge);
  const line = points.map(([a, b], i) => `${i ? "L" : "M"} ${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join(" ");
  const parts = [
    svgElement("path", { d: `M ${edge} ${y(0)} H ${width - edge} M ${x(0)} ${edge} V ${height - edge}`, class: "faint" }),
    svgElement("path", { d: line, class: "curve" }),
    svgElement("text", { x: edge, y: edge }, name),
  ];
  if (at.every((v) => v !== null)) {
    parts.push(svgElement("path", { d: `M ${x(at[0])} ${y(0)} V ${y(at[1])} H ${x(0)}`, class: "drop" }),
               svgElement("circle", { cx: x(at[0]), cy: y(at[1]), r: 4.5, class: "after" }));
  }
  return picture(width, height, alt, parts);
}

/**
 * All terms in order as thin bars around zero, the cell's own one stronger.
 * @param {Strip} strip
 */
export function drawStrip({ bars, own, signed, said }) {
  const [width, height] = [Math.max(bars.length, 240), 44];
  const zero = signed ? height / 2 : height;
  const each = width / bars.length;
  const made = picture(width, height, said, bars.map((share, i) => {
    const tall = Math.max(Math.abs(share) * (signed ? height / 2 : height), 0.5);
    return svgElement("rect", { x: i * each, width: Math.max(each * 0.85, 0.6), y: share < 0 ? zero : zero - tall, height: tall,
                           class: i === own ? "own" : share < 0 ? "negative" : signed ? "positive" : "share" });
  }));
  made.setAttribute("preserveAspectRatio", "none");
  made.setAttribute("class", "strip");
  return made;
}
