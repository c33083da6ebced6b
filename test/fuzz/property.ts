/** A property with the sentence that it stands for. */
import type fc from 'fast-check';

export type NamedProperty = { name: string; property: fc.IAsyncProperty<unknown[]> };

export const named = <Values extends [unknown, ...unknown[]]>(
  name: string,
  property: fc.IAsyncProperty<Values>,
): NamedProperty => ({
  name,
  property: property as unknown as fc.IAsyncProperty<unknown[]>,
});

/** Fails with a sentence where something does not hold. */
export const demand = (holds: boolean, otherwise: () => string): void => {
  if (!holds) throw new Error(otherwise());
};
