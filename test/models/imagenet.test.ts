import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toFloat64, toInput } from "../../src/engine.js";
import { decodeImage, loadWeights, normalizations, trace } from "../../src/index.js";
import { mobilenetV1 } from "../../src/nn.js";
import { topIndices } from "../../src/train/metrics.js";
import { ort } from "../support/engines.js";

const folder = process.env.FOVEA_DATA ?? "../shared/data";
const weights = join(folder, "weights/mobilenetV1X0.25_pretrain.tar");
const images = join(folder, "imagenet-samples");
const skip =
  existsSync(weights) && existsSync(images)
    ? false
    : "needs weights/ and imagenet-samples/ in the folder that FOVEA_DATA names";

/** The class that PyTorch gives each image, with torchvision's preprocessing: shorter side 256, center 224. */
const expected: Readonly<Record<string, number>> = {
  "n01440764_tench.JPEG": 0,
  "n01682714_American_chameleon.JPEG": 40,
  "n01795545_black_grouse.JPEG": 80,
  "n01980166_fiddler_crab.JPEG": 120,
  "n02088094_Afghan_hound.JPEG": 207,
  "n02097474_Tibetan_terrier.JPEG": 200,
  "n02107908_Appenzeller.JPEG": 238,
  "n02120505_grey_fox.JPEG": 298,
  "n02268853_damselfly.JPEG": 325,
  "n02444819_otter.JPEG": 22,
  "n02669723_academic_gown.JPEG": 400,
  "n02823428_beer_bottle.JPEG": 440,
  "n02977058_cash_machine.JPEG": 707,
  "n03131574_crib.JPEG": 520,
  "n03379051_football_helmet.JPEG": 560,
  "n03532672_hook.JPEG": 695,
  "n03717622_manhole_cover.JPEG": 458,
  "n03825788_nipple.JPEG": 680,
  "n03937543_pill_bottle.JPEG": 592,
  "n04070727_refrigerator.JPEG": 760,
  "n04243546_slot.JPEG": 800,
  "n04367480_swab.JPEG": 921,
  "n04509417_unicycle.JPEG": 830,
  "n06874185_traffic_light.JPEG": 920,
  "n07836838_chocolate_sauce.JPEG": 521,
};

test("an ImageNet checkpoint classifies photographs as PyTorch does", { skip }, async () => {
  const model = mobilenetV1();
  await loadWeights(model, weights);
  const executable = await ort.compile(trace(model, [1, 3, 224, 224]));
  for (const [file, label] of Object.entries(expected)) {
    const image = await decodeImage(join(images, file), { shorterSide: 256 });
    const data = toInput(image, { imageSize: 224, resize: 256, ...normalizations.imagenet });
    const { output } = await executable.run({ input: { dtype: "float32", shape: [1, 3, 224, 224], data } });
    assert.equal(topIndices(toFloat64(output!).data, 1)[0], label, file);
  }
  await executable.release();
});
