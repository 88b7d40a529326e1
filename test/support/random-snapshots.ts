/** Random snapshots for fast-check, small enough that two of them have much in common. */
import fc from "fast-check";

const workers = fc.uniqueArray(fc.record({ id: fc.constantFrom("a", "b", "c", "d"), host: fc.constant("h"), port: fc.constantFrom(1, 2) }), { selector: ({ id }) => id });
const versions = fc.uniqueArray(fc.record({ version: fc.constantFrom("1", "2", "3"), weight: fc.constantFrom(0, 1, 2), workers }), { selector: ({ version }) => version });

/** Languages without a fault but that a worker's id may be there more than once. */
export const randomLanguages = fc.uniqueArray(
  fc.record({ language: fc.constantFrom("x", "y", "z"), extensions: fc.uniqueArray(fc.constantFrom(".a", ".b")), spill: fc.boolean(), versions }),
  { selector: ({ language }) => language },
);
