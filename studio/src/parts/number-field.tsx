import { useEdited } from "./edited.js";

interface NumberFieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number | "any";
  readonly set: (value: number) => void;
}

/** A number within bounds: what is not is put back. */
export function NumberField({ label, hint, value, min, max, step = 1, set }: NumberFieldProps) {
  const edited = useEdited(value, (text) => {
    const wanted = text === "" ? Number.NaN : Number(text);
    if (wanted >= min && wanted <= max) set(step === 1 ? Math.round(wanted) : wanted);
  });
  return (
    <label class="field">
      {label}
      <input type="number" min={min} max={max} step={step} {...edited} />
      {hint && <span class="hint">{hint}</span>}
    </label>
  );
}
