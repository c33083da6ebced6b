/** Reading of example manifests for tests. */

/** The attribute names of every line of a manifest. */
export const labelAttributesOf = (manifest: string): string[][] =>
  manifest
    .trimEnd()
    .split('\n')
    .map((line) => {
      const value: unknown = JSON.parse(line);
      if (typeof value !== 'object' || value === null) throw new Error(`not an object: ${line}`);
      return Object.keys(value);
    });
