interface Props {
  submit: string;
  busy: boolean;
  onCancel: () => void;
}

export function FormButtons({ submit, busy, onCancel }: Props) {
  return (
    <div className="form-buttons">
      <button type="submit" className="button button-main" disabled={busy}>
        {submit}
      </button>
      <button type="button" className="button" onClick={onCancel} disabled={busy}>
        Cancel
      </button>
    </div>
  );
}
