/** The simulator is an independent judge of the product: it shares no code with it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../simulator');
const allowed = /^(\.\/[a-z0-9-]+\.ts|node:[a-z/]+|zod|@aws-sdk\/(client-s3|client-eventbridge|lib-storage))$/;

describe('the simulator', () => {
  test('imports nothing but itself, Node, zod and the AWS clients for S3 and EventBridge', () => {
    const imports = readdirSync(root)
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) =>
        [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
          ([, specifier]) => `${file}: ${specifier}`,
        ),
      );
    expect(imports.length).toBeGreaterThan(50);
    expect(imports.filter((line) => !allowed.test(line.split(': ')[1] ?? ''))).toEqual([]);
  });
});
