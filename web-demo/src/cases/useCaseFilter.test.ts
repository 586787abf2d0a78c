import { expect, it } from "vitest";
import { addressOf, filterOf } from "./useCaseFilter";

it.each(["", "q=parcel", "show=all&status=ENDED%2CCONNECTED&media=EMAIL&queue=sales&agent=ada"])(
  "the address '%s' says all of the filter",
  (address) => {
    expect(new URLSearchParams(addressOf(filterOf(address))).toString()).toBe(address);
  },
);

it("shows open cases only unless the address says otherwise", () => {
  expect(filterOf("").withEnded).toBe(false);
  expect(filterOf("status=ENDED").withEnded).toBe(true);
});

it("forgets what means nothing, and the ended ones when they are left out", () => {
  expect(filterOf("status=NONSENSE&media=FAX")).toMatchObject({ statuses: new Set(), media: null });
  expect(addressOf({ ...filterOf("status=ENDED"), withEnded: false })).toEqual([]);
});
