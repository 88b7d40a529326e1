/** Assertions: conditions that only a bug in Lintel can break. Never for input from outside. */

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** For the `default` of a switch that the compiler must prove total. */
export function unreachable(value: never): never {
  throw new AssertionError(`unexpected value: ${String(value)}`);
}
