/** `a, b, c and 12 more` */
export function summary(names: readonly string[], most = 6): string {
  if (names.length === 0) return "nothing";
  const rest = names.length - most;
  return names.slice(0, most).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
