/** The probabilities of classes. */
export function softmax(logits: readonly number[]): number[] {
  const energy = energyOf(logits);
  return logits.map((z) => Math.exp(z - energy));
}

/** log Σ exp(logit): how much evidence there is for any class at all. An image unlike all others has little. */
export function energyOf(logits: readonly number[]): number {
  const top = Math.max(...logits);
  return top + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0));
}
