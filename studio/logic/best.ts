/** The epoch whose weights are kept: the best on validation images (without any, the lowest loss), the first if tied; as `fovea train` keeps. */
export function bestOf<L extends { readonly top1: number | null; readonly trainLoss: number }>(
  lines: readonly L[],
): L | undefined {
  const score = (line: L) => line.top1 ?? -line.trainLoss;
  return lines.reduce<L | undefined>((best, line) => (best && score(best) >= score(line) ? best : line), undefined);
}
