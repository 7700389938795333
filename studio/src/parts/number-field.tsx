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
  return (
    <label class="field">
      {label}
      <input
        type="number"
        value={value}
        min={min}
        max={max}
        step={step}
        onChange={({ currentTarget }) => {
          const wanted = currentTarget.valueAsNumber;
          const sound = Number.isFinite(wanted) && wanted >= min && wanted <= max;
          if (sound) set(step === 1 ? Math.round(wanted) : wanted);
          currentTarget.value = String(sound && step === 1 ? Math.round(wanted) : sound ? wanted : value);
        }}
      />
      {hint && <span class="hint">{hint}</span>}
    </label>
  );
}
