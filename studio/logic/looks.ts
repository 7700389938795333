/** Of the time of a training, looking takes this share at most: where epochs are very short, some go without. */
export const lookShare = 0.05;

/**
 * When to look at the followed images, and how long that takes. The first look, which compiles, does not count. Those after it take at most
 * `lookShare` of the time, or as long as two looks if that is more: the second has to show how long one takes, and the last epoch has its look in any
 * case, for which the time is kept.
 */
export class Looks {
  readonly #now: () => number;
  readonly #started: number;
  #count = 0;
  #all = 0;
  /** Without the first. */
  #later = 0;
  #longest = 0;

  /** @param now Milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#started = now();
  }

  /** Looks after an epoch, unless there is no time for it. */
  async after<T>(epoch: number, epochs: number, look: () => Promise<T>): Promise<T | undefined> {
    const began = this.#now();
    const planned = this.#later + 2 * this.#longest;
    if (epoch < epochs && planned > lookShare * (began - this.#started)) return undefined;
    const found = await look();
    const time = this.#now() - began;
    if (this.#count++ > 0) {
      this.#later += time;
      this.#longest = Math.max(this.#longest, time);
    }
    this.#all += time;
    return found;
  }

  /** The share of the time that looking took, the first look included. */
  get share(): number {
    return this.#all / (this.#now() - this.#started);
  }
}
