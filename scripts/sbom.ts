/**
 * `npm run sbom`: prints the bill of materials of what is shipped, as CycloneDX. Made from npm's own of everything, without what is only for
 * development: with `--omit=dev` npm 11 also leaves out what both need.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const component = z.looseObject({
  'bom-ref': z.string(),
  name: z.string(),
  properties: z.array(z.looseObject({ name: z.string() })).optional(),
});
const billSchema = z.looseObject({
  metadata: z.looseObject({ component }),
  components: z.array(component),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

const cwd = new URL('..', import.meta.url);
const { name } = z.object({ name: z.string() }).parse(JSON.parse(readFileSync(new URL('package.json', cwd), 'utf8')));
const options = ['--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
const bill = billSchema.parse(
  JSON.parse(execFileSync('npm', ['sbom', ...options], { cwd, encoding: 'utf8', maxBuffer: 1 << 26 })),
);
const isForDevelopment = ({ properties = [] }: z.infer<typeof component>): boolean =>
  properties.some((property) => property.name === 'cdx:npm:package:development');
bill.components = bill.components.filter((one) => !isForDevelopment(one));
bill.metadata.component.name = name;
const shipped = new Set([bill.metadata.component, ...bill.components].map((one) => one['bom-ref']));
bill.dependencies = bill.dependencies
  .filter(({ ref }) => shipped.has(ref))
  .map((one) => ({ ...one, dependsOn: one.dependsOn.filter((ref) => shipped.has(ref)) }));
console.log(JSON.stringify(bill, null, 1));
