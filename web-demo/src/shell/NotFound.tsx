import { Link } from "wouter";

export function NotFound() {
  return (
    <div className="page">
      <h1>No such page</h1>
      <p className="lead">
        The address leads nowhere. <Link href="/">Go to the cases</Link>.
      </p>
    </div>
  );
}
