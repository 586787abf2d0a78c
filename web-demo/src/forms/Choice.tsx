interface Props<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [value: T, words: string])[];
  onChoose: (value: T) => void;
}

/** One of several, under its label. A value that is no option (not yet, or no longer) stands for itself. */
export function Choice<T extends string>({ label, value, options, onChoose }: Props<T>) {
  const known = options.some(([option]) => option === value);
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <select
        className="input"
        value={value}
        onChange={({ target }) => onChoose(target.value as T)}
      >
        {!known && <option value={value}>{value}</option>}
        {options.map(([option, words]) => (
          <option key={option} value={option}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
