/** Says that `what` could not be read, and why; nothing while there is no error. */
export function ReadError({ what, error }: { what: string; error: string | null }) {
  if (!error) return null;
  return (
    <p className="notice notice-bad" role="alert">
      The {what} could not be read: {error}
    </p>
  );
}
