/** Writes a result as the repository keeps it. */
import { writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

/** Replaces the file. */
export const writeResult = async (path: string, document: object): Promise<void> => {
  const options = await resolveConfig(path);
  await writeFile(path, await format(JSON.stringify(document), { ...options, parser: 'json' }));
};
