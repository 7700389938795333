import type { Placement } from "../attention/index.js";
import { type AnyModule, type Module, walk } from "../nn/index.js";
import type { ModulesByPath } from "./parts.js";

/** The modules of a network that an attention module can follow, for each placement the network supports, by name of the place. */
export type AttachPoints = { readonly [P in Placement]?: ModulesByPath };

/** A network that says where attention modules can go. */
export interface Attachable {
  attachPoints(): AttachPoints;
}

/** Parts of a network by path. */
export function modulePlaces(model: AnyModule, parts: readonly Module[]): ModulesByPath {
  const places = new Map<string, Module>();
  walk(model, {
    module: (path, part) => parts.includes(part as unknown as Module) && places.set(path, part as unknown as Module),
  });
  return places;
}

/** Places of a part, named within the whole. */
export function prefixed(prefix: string, points: AttachPoints): AttachPoints {
  const rename = (places: ModulesByPath) => new Map([...places].map(([path, module]) => [`${prefix}.${path}`, module]));
  return Object.fromEntries(
    Object.entries(points).flatMap(([name, places]) => (places ? [[name, rename(places)]] : [])),
  );
}
