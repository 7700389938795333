/**
 * Random graphs of interdependent states, on ONNX Runtime and in float64: is any state overwritten while it is still read? Run many when
 * changing the version of ONNX Runtime, because the answer depends on its fusions.
 *
 *     node dist/tools/states.js [--count 1000] [--seed 1]
 */
import { parseArgs } from "node:util";
import { ortEngine } from "../src/index.js";
import { errorOfStates, randomStates } from "../test/differential/states.js";

const { values } = parseArgs({
  options: { count: { type: "string", default: "1000" }, seed: { type: "string", default: "1" } },
});
const [count, first] = [Number(values.count), Number(values.seed)];
const engine = ortEngine({ threads: 1, layout: "plain" });
let [wrong, left, largest] = [0, 0, 0];
for (let seed = first; seed < first + count; seed++) {
  const error = await errorOfStates(randomStates(seed), engine);
  if (error === undefined) left++;
  else if (error > 1e-3) {
    wrong++;
    console.log(`seed ${seed}: ${error.toExponential(1)}`);
  } else largest = Math.max(largest, error);
}
await engine.release();
console.log(
  `${count} graphs: ${wrong} wrong, ${left} left out, largest error of the others ${largest.toExponential(1)}`,
);
if (wrong > 0) process.exitCode = 1;
