// A clock for tests that moves only when it is told to. (Node's own one is not in the versions that Debian has.)

import assert from "node:assert/strict";
import test from "node:test";

/** Until the test `t` ends, setTimeout, clearTimeout and Date.now go by the clock that this returns: pass(milliseconds). */
export function clock(t) {
  const { setTimeout, clearTimeout } = globalThis;
  const { now } = Date;
  let time = 1_000_000;
  let waiting = [];
  globalThis.setTimeout = (call, wait = 0, ...given) => {
    const timer = { at: time + wait, call: () => call(...given) };
    waiting.push(timer);
    return timer;
  };
  globalThis.clearTimeout = (timer) => { waiting = waiting.filter((other) => other !== timer); };
  Date.now = () => time;
  t.after(() => {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    Date.now = now;
  });
  return {
    pass(milliseconds) {
      const end = time + milliseconds;
      for (;;) {
        const [next] = waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (!next) break;
        waiting = waiting.filter((other) => other !== next);
        time = next.at;
        next.call();
      }
      time = end;
    },
  };
}

test("the clock calls each in its time, and none that was taken back", (t) => {
  const called = [];
  const { pass } = clock(t);
  const start = Date.now();
  setTimeout(() => called.push(["late", Date.now() - start]), 30);
  setTimeout((name) => called.push([name, Date.now() - start]), 10, "soon");
  clearTimeout(setTimeout(() => called.push(["never"]), 20));
  pass(100);
  assert.deepEqual(called, [["soon", 10], ["late", 30]]);
});
