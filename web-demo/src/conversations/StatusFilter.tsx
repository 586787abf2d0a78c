import { ToggleButton, ToggleButtonGroup } from "react-aria-components";
import { Icon } from "../icons/Icon";
import { type Status, statuses, statusOrder } from "../status/statuses";

interface Props {
  rows: readonly { calculatedStatus: Status }[];
  chosen: ReadonlySet<Status>;
  onChoose: (chosen: ReadonlySet<Status>) => void;
}

/** Every status that occurs, with its number; pressing one shows only those. */
export function StatusFilter({ rows, chosen, onChoose }: Props) {
  const counts = new Map<Status, number>();
  for (const row of rows) {
    counts.set(row.calculatedStatus, (counts.get(row.calculatedStatus) ?? 0) + 1);
  }
  const offered = statusOrder.filter((status) => counts.has(status) || chosen.has(status));
  return (
    <ToggleButtonGroup
      className="chips"
      aria-label="Show only these statuses"
      selectionMode="multiple"
      selectedKeys={chosen}
      onSelectionChange={(keys) => onChoose(keys as Set<Status>)}
    >
      {offered.map((status) => (
        <ToggleButton key={status} id={status} className={`chip tone-${statuses[status].tone}`}>
          <Icon name={statuses[status].icon} size={14} />
          {statuses[status].label}
          <span className="chip-count">{counts.get(status) ?? 0}</span>
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
