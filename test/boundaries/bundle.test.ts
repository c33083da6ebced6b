/** What runs inside of workflows: the bundle as the worker makes it. */
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { workflowFiles } from '../../worker/workflow-code.ts';

let code = '';

beforeAll(async () => {
  const { workflowsPath, workflowInterceptorModules } = workflowFiles();
  const logger = new DefaultLogger('ERROR');
  ({ code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger }));
}, 120_000);

/** Webpack names every module by its path. */
const modules = (): string[] => [
  ...new Set([...code.matchAll(/^\/\*\*\*\/ "([^"]+)":?/gm)].map(([, path = '']) => path)),
];

describe('the workflow bundle', () => {
  test('holds our workflows and decisions', () => {
    expect(modules().filter((path) => path.includes('workflows/')).length).toBeGreaterThan(5);
    expect(modules().filter((path) => path.includes('decisions/')).length).toBeGreaterThan(5);
  });

  test('holds no AWS SDK, no activities, no client, no Node (I8)', () => {
    const foreign =
      /@aws-sdk|@smithy|\/(activities|events|manifests|simulator|local|cli)\/|(^|\/)(client|config|worker)\.ts$|^node:|\bfs\b/;
    expect(modules().filter((path) => foreign.test(path))).toEqual([]);
    expect(code).not.toMatch(/\brequire\("(node:|fs|http|net|child_process)/);
  });

  test('holds no zod: every workflow evaluates the bundle anew, and zod alone took two thirds of its memory', () => {
    expect(modules().filter((path) => path.includes('node_modules/zod'))).toEqual([]);
  });

  test('is small enough to start fast', () => {
    const withoutMap = code.replace(/\/\/# sourceMappingURL=.*$/s, '');
    expect(withoutMap.length).toBeLessThan(1_000_000);
  });
});
