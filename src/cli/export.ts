import { Command, Option } from "commander";
import { exportOnnx, OptionError, trace, weightsOf, writeFileAtomic, writeSafetensors } from "../index.js";
import { loadRun } from "./run.js";
import { print, short } from "./terminal.js";

interface ExportFlags {
  readonly out: string;
  readonly format?: "onnx" | "safetensors";
  readonly weights?: string;
  readonly json?: boolean;
}

export const exportCommand = new Command("export")
  .description("A trained network as a file that others can run")
  .argument("<run>", "run folder")
  .requiredOption("--out <file>", "file to write")
  .addOption(
    new Option(
      "--format <name>",
      "onnx (input and output of any batch size) or safetensors (default: by the ending of --out)",
    ).choices(["onnx", "safetensors"]),
  )
  .option("--weights <file>", "weights: a file, or best or last of the run (default: best)")
  .option("--json", "print one JSON object")
  .action(async (path: string, { out, format: given, weights, json = false }: ExportFlags) => {
    const format = given ?? formatOf(out);
    const { model, name, classes, preprocessing, imageSize } = await loadRun(path, weights);
    const metadata = { model: name, classes: JSON.stringify(classes), preprocessing: JSON.stringify(preprocessing) };
    const bytes =
      format === "onnx"
        ? exportOnnx(trace(model, ["N", 3, imageSize, imageSize]), { metadata })
        : writeSafetensors(weightsOf(model), { format: "fovea.weights.1", ...metadata });
    await writeFileAtomic(out, bytes);
    const input = { name: "input", shape: ["N", 3, imageSize, imageSize] };
    print(
      json,
      {
        file: out,
        format,
        bytes: bytes.length,
        ...(format === "onnx" ? { input, output: { name: "output", shape: ["N", classes?.length] } } : {}),
      },
      () =>
        format === "onnx"
          ? `${out}: ${short(bytes.length)}B, input "input" [N,3,${imageSize},${imageSize}] of normalised RGB, output "output" [N,${classes?.length}] logits`
          : `${out}: ${short(bytes.length)}B`,
    );
  });

function formatOf(file: string): "onnx" | "safetensors" {
  if (file.endsWith(".onnx")) return "onnx";
  if (file.endsWith(".safetensors")) return "safetensors";
  throw new OptionError(`--out ${file}: say --format onnx or safetensors, or let the name end in one of them`);
}
