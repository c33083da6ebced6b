/** `label-relay worker` and `label-relay setup`. */
import { explained } from '../../client/context.ts';
import { loadConfig } from '../../config.ts';
import { connect, isOperatorsOnly, registerElsewhere } from '../../connection.ts';
import { INDEXED_VALUE_TYPES, SEARCH_ATTRIBUTES, type SearchAttributeName } from '../../decisions/search-attributes.ts';
import { InputError, OperationError } from '../../errors.ts';
import { ROLES, runWorker, type Role } from '../../worker.ts';
import { interruption, print, printJson } from '../output.ts';

const rolesFrom = (text: string | undefined): Role[] => {
  if (text === undefined) return [...ROLES];
  const roles = text.split(',').map((name) => {
    const role = ROLES.find((one) => one === name.trim());
    if (role === undefined)
      throw new InputError(`--only ${text}: ${JSON.stringify(name)} is no role; choose from ${ROLES.join(', ')}`);
    return role;
  });
  return [...new Set(roles)];
};

export const worker = async (options: { only?: string }): Promise<void> => {
  const roles = rolesFrom(options.only);
  await runWorker({
    config: loadConfig(process.env),
    roles,
    signal: interruption(),
    onReady: ({ healthPort }) =>
      print(JSON.stringify({ ready: true, roles, ...(healthPort === null ? {} : { healthPort }) })),
  });
};

export const setup = async (options: { json?: boolean }): Promise<void> => {
  const config = loadConfig(process.env);
  const { connection } = await connect(config);
  const { namespace } = config.temporal;
  try {
    const { operatorService } = connection;
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = (Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[]).filter(
      (name) => !(name in customAttributes),
    );
    if (missing.length > 0) {
      await operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(
          missing.map((name) => [name, INDEXED_VALUE_TYPES[SEARCH_ATTRIBUTES[name]]]),
        ),
      });
    }
    if (options.json === true) printJson({ namespace, added: missing });
    else
      print(
        missing.length === 0
          ? `the namespace ${namespace} has all search attributes`
          : `added to ${namespace}: ${missing.join(', ')}`,
      );
  } catch (thrown) {
    if (!isOperatorsOnly(thrown)) throw explained(thrown);
    throw new OperationError(
      `this identity may not register search attributes in ${namespace}; ${registerElsewhere(namespace)}`,
      { cause: thrown },
    );
  } finally {
    await connection.close();
  }
};
