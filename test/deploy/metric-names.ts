/** Which metrics the alert rules and the dashboard ask for. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';

const rulesSchema = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^LabelRelay[A-Za-z]+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+m$/)
            .optional(),
          labels: z.object({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.object({ summary: z.string(), do: z.string() }),
        }),
      ),
    }),
  ),
});

const dashboardSchema = z.looseObject({
  panels: z.array(z.looseObject({ title: z.string(), targets: z.array(z.looseObject({ expr: z.string() })) })),
});

export const readAlerts = async () => {
  const text = await readFile('deploy/prometheus/alerts.yaml', 'utf8');
  return rulesSchema.parse(parse(text)).groups.flatMap(({ rules }) => rules);
};

export const readDashboard = async () =>
  dashboardSchema.parse(JSON.parse(await readFile('deploy/grafana/dashboard.json', 'utf8')));

/** Every expression, with where it stands. */
export const readExpressions = async (): Promise<{ where: string; expr: string }[]> => [
  ...(await readAlerts()).map(({ alert, expr }) => ({ where: alert, expr })),
  ...(await readDashboard()).panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({ where: title, expr })),
  ),
];

/** The metrics in an expression, each with the labels that it selects by. */
export const metricsIn = (expr: string): { name: string; labels: string[] }[] =>
  [...expr.matchAll(/\b((?:temporal|label_relay)_[a-z_]+)(?:\{([^}]*)\})?/g)].map(([, name = '', selector = '']) => ({
    name,
    labels: [...selector.matchAll(/([a-z_]+)\s*[=!]~?/g)].map(([, label = '']) => label),
  }));
