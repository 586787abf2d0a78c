import { LongTable } from "../table/LongTable";
import { CaseTableRow } from "./CaseTableRow";
import type { CaseRow } from "./caseRows";

const columns = ["Case", "Conversations", "Queue", "Owner", "Activity"];

export function CaseTable({ rows, empty }: { rows: readonly CaseRow[]; empty: string }) {
  return (
    <LongTable
      label="Cases"
      columns={columns}
      rows={rows}
      keyOf={({ objectId }) => objectId}
      rowHeight={68}
      rowClass="row-case"
      empty={empty}
    >
      {(row, place) => <CaseTableRow key={row.objectId} row={row} place={place} />}
    </LongTable>
  );
}
