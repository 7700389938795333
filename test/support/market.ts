import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { generatePeople, type SightedDataset } from "../../src/data/people.js";

/** Writes generated people as a folder in Market-1501's layout. By camera 1 are the queries of those who are not trained on. */
export async function writeMarket(folder: string, { train = 4, test = 3, size = 16 } = {}): Promise<void> {
  const write = async (part: string, { dataset, identities, cameras }: SightedDataset, at: readonly number[]) => {
    mkdirSync(join(folder, part), { recursive: true });
    for (const i of at) {
      const { pixels, width, height } = await dataset.image(i);
      const area = width * height;
      const rgb = Buffer.alloc(3 * area);
      for (let k = 0; k < 3 * area; k++) rgb[k] = pixels[(k % 3) * area + Math.floor(k / 3)]!;
      const name = `${String(identities[i]).padStart(4, "0")}_c${cameras[i]}s1_${String(i).padStart(6, "0")}_00.png`;
      await sharp(rgb, { raw: { width, height, channels: 3 } }).toFile(join(folder, part, name));
    }
  };
  const all = ({ identities }: SightedDataset) => identities.map((_, i) => i);
  const seen = generatePeople({ identities: train, size });
  const unseen = generatePeople({ identities: test, first: train + 1, size });
  await write("bounding_box_train", seen, all(seen));
  const isQuery = (i: number) => unseen.cameras[i] === 1;
  await write("query", unseen, all(unseen).filter(isQuery));
  await write(
    "bounding_box_test",
    unseen,
    all(unseen).filter((i) => !isQuery(i)),
  );
}
