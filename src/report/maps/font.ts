/** Text in PNG files: DejaVu Sans Mono (Bitstream Vera license) at 10 pixels, as bits, so that no program needs a font and bytes are the same everywhere. */
export const glyph = { width: 6, height: 12, baseline: 9 } as const;

/** For each character from space to tilde, 12 rows of 6 bits, each a base64 digit. */
const rows =
  "AAAAAAAAAAAAAMMMMAAAMAAAAMMMAAAAAAAAAKKfKE+UUAAAAAOQQOGCeAAAAYooaMWFGAAAAMQQYllifAAAAAAAAAAAAAAA" +
  "AEEIIIIIAEAAAIIEEEEEAIAAAASMSAAAAAAAAAAAA/AAAAAAAAAAAAAMIIAAAAAAAAMAAAAAAAAAAAAAMAAAACCEEIIIQQAA" +
  "AMSSeSSSMAAAAcEEEEEEeAAAAcCCCEIQeAAAAcCCMCCCeAAAAGGKSS/CCAAAAeQQcCCCcAAAAOQQcSSSMAAAAeCCEEMIIAAA" +
  "AOSScSSSeAAAAMSSSOCCcAAAAAAAMAAAMAAAAAAMAAAMIIAAAAADMwcDAAAAAAAA/A/AAAAAAAAwMDOwAAAAAMCCEMIAIAAA" +
  "AAORnpppnQOAAMMMSSeShAAAAeSSeSTSeAAAAOQQQQQYOAAAAcSSSSSScAAAAeQQeQQQeAAAAeQQeQQQQAAAAOQQQWSSOAAA" +
  "ASSSeSSSSAAAAeMMMMMMeAAAAOCCCCCGcAAAATWcYUUSTAAAAQQQQQQQfAAAAzz/tthhhAAAASaaaWWWSAAAAMSSSSSSMAAA" +
  "AeSTSeQQQAAAAMSSSSSSMCAAAcSSScSSRAAAAOQQcGCCeAAAA/MMMMMMMAAAASSSSSSSeAAAAhSSSSMMMAAAAhhttMeSSAAA" +
  "ATSMMMaShAAAAzSeMMMMMAAAAfCCEIIQfAAAAMIIIIIIIIMAAQQIIIEECCAAAMEEEEEEEEMAAMeSAAAAAAAAAAAAAAAAAAAA" +
  "IAAAAAAAAAAAAAAcCOSSeAAAAQQeSSSSeAAAAAAOQQQQOAAAACCeSSSSeAAAAAAMSeQQOAAAAGIeIIIIIAAAAAAeSSSSeCcA" +
  "AQQeSSSSSAAAAEAcEEEEeAAAAEAcEEEEEEYAAQQSUcUSTAAAAYIIIIIIGAAAAAA+lhhhhAAAAAAeSSSSSAAAAAAMSSSSMAAA" +
  "AAAeSSSSeQQAAAAOSSSSOCCAAAAPIIIIIAAAAAAOQYCCcAAAAAIeIIIIGAAAAAASSSSSeAAAAAASSSMMMAAAAAAhhNeeSAAA" +
  "AAASOMMSSAAAAAASSSMMMIYAAAAeCEIYeAAAAGEEIYIEEEGAAAAAAAAAAAAAAYIIEGEIIIYAAAAAYGAAAAAA";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const instead: Readonly<Record<string, string>> = { "−": "-", "–": "-", "—": "-", "…": "..", "·": ".", "×": "x" };

/** Calls `set` for every dot of a text, in its own grid; characters missing from the font become question marks. */
export function eachDot(text: string, set: (column: number, row: number) => void): void {
  plain(text).forEach((index, i) => {
    for (let row = 0; row < glyph.height; row++) {
      const bits = digits.indexOf(rows[index * glyph.height + row]!);
      for (let column = 0; column < glyph.width; column++)
        if ((bits >> (glyph.width - 1 - column)) & 1) set(i * glyph.width + column, row);
    }
  });
}

/** Width of a text, in dots. */
export const dotsWide = (text: string): number => plain(text).length * glyph.width;

function plain(text: string): number[] {
  return Array.from(text, (character) => instead[character] ?? character)
    .flatMap((part) => Array.from(part))
    .map((character) => {
      const code = character.codePointAt(0)! - 32;
      return code >= 0 && code < rows.length / glyph.height ? code : "?".charCodeAt(0) - 32;
    });
}
