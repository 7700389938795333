import type { Graph } from "../../src/engine.js";
import type { Arrays } from "../../src/index.js";
import type { AnyModule } from "../../src/nn.js";
import type { Purpose } from "./alone.js";

/** Something that is run again and again, and timed. */
export interface Measure {
  readonly name: string;
  /** The module that is measured: a peer is given its state, to compute the same. */
  readonly model: AnyModule;
  /** What a key of that state is called by the peers. Default: the same. */
  readonly peerKey?: (key: string) => string;
  readonly graph: Graph;
  readonly feeds: Arrays;
  /** Arrays that are constants of the graph and inputs of the peer. */
  readonly given?: Arrays;
  /** How many runs in a row a check compares. Default 1. */
  readonly runs?: number;
}

/** One question to our speed and that of others. The peers' part is under the same names in bench/peers. */
export interface Suite {
  readonly name: string;
  readonly title: string;
  /** What is measured, for the page of results. */
  readonly about: string;
  /** Who is compared with: sides of bench/sides.ts. */
  readonly peers: readonly string[];
  readonly cases: readonly string[];
  readonly rounds: number;
  readonly steps: number;
  /** What is measured of a case, one after the other in one process. */
  measures(name: string, purpose: Purpose): Iterable<Measure>;
  /** Images in a run, where speed is told in images per second and not in milliseconds. */
  readonly images?: (name: string) => number;
  /** The measure of every case that the others are told as an addition to. */
  readonly baseline?: string;
}
