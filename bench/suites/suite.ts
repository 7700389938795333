import type { Graph } from "../../src/engine.js";
import type { Arrays } from "../../src/index.js";
import type { AnyModule } from "../../src/nn.js";
import type { SuiteResults } from "../results.js";
import type { Purpose } from "./alone.js";

/** Something to run repeatedly and time. */
export interface Measure {
  readonly name: string;
  /** The module; a peer gets its state, to compute the same. */
  readonly model: AnyModule;
  /** A state key's name for the peers. Default: the same. */
  readonly peerKey?: (key: string) => string;
  readonly graph: Graph;
  readonly feeds: Arrays;
  /** Arrays that are constants of the graph and inputs of the peer. */
  readonly given?: Arrays;
  /** Consecutive runs that a check compares. Default 1. */
  readonly runs?: number;
}

/** One comparison with others. The peers' part is in bench/peers, under the same names. */
export interface Suite {
  readonly name: string;
  readonly title: string;
  /** What is measured, for the page of results. */
  readonly about: string;
  /** Peers of bench/sides.ts to compare with. */
  readonly peers: readonly string[];
  readonly cases: readonly string[];
  readonly rounds: number;
  readonly steps: number;
  /** The measures of a case, run in one process. */
  measures(name: string, purpose: Purpose): Iterable<Measure>;
  /** Images per run, if speed is shown in images per second instead of milliseconds. */
  readonly images?: (name: string) => number;
  /** The measure that the others are shown relative to. */
  readonly baseline?: string;
  /** A chart of its own, as an SVG, of the sides that took part. Default: bars of the ratios. */
  chart?(results: SuiteResults, sides: readonly { readonly name: string; readonly title: string }[]): string;
}
