/**
 * Writes docs/configuration.md from what the code itself reads: the variables of config.ts with their meanings. Run by
 * `npm run configuration-page`; a test holds the page to it.
 */
import { writeFile } from 'node:fs/promises';
import { VARIABLES } from '../config.ts';

/** The page, from the root of the repository. */
export const CONFIGURATION_PAGE_PATH = 'docs/configuration.md';

/** Read outside config.ts, because they matter before there is a configuration. */
const EARLY_VARIABLES = {
  LABEL_RELAY_CACHE:
    'Folder whose `label-relay/` keeps what the local stack downloads once. Default: `XDG_CACHE_HOME`, else `~/.cache`.',
  LABEL_RELAY_DEBUG: 'Set to anything: an unforeseen error prints its stack.',
  NO_COLOR: 'Set to anything: no colours.',
} as const;

/** The standard variables that matter most; the libraries know more. */
const TEMPORAL_VARIABLES = {
  TEMPORAL_ADDRESS: 'host:port of the Temporal service. Default `localhost:7233`.',
  TEMPORAL_NAMESPACE: 'Namespace. Default `default`.',
  TEMPORAL_API_KEY: 'API key, as for Temporal Cloud; turns TLS on.',
  TEMPORAL_TLS: '`true` or `false`: TLS without a client certificate.',
  TEMPORAL_TLS_CLIENT_CERT_PATH: 'Mutual TLS: file of the client certificate. `…_DATA` holds it itself.',
  TEMPORAL_TLS_CLIENT_KEY_PATH: 'Mutual TLS: file of the key of the certificate. `…_DATA` holds it itself.',
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'File of the certificate authority of the server. `…_DATA` holds it itself.',
  TEMPORAL_TLS_SERVER_NAME: 'Name that the certificate of the server must bear, if it is not that of the address.',
  TEMPORAL_DEPLOYMENT_NAME:
    'With `TEMPORAL_WORKER_BUILD_ID`: the version under which `worker` polls, for worker versioning. Not set: unversioned.',
  TEMPORAL_PROFILE: 'Profile of the configuration file. Default `default`.',
  TEMPORAL_CONFIG_FILE: 'Configuration file (TOML), shared with the `temporal` command. `/dev/null`: none.',
} as const;

const AWS_VARIABLES = {
  AWS_REGION: 'Region of queue, rule and stack; labeling jobs run in the region of their work team.',
  AWS_PROFILE:
    'Profile of `~/.aws/config`: keys, single sign-on, or `role_arn` with `source_profile` and, for another account, `external_id`.',
  AWS_ACCESS_KEY_ID: 'With `AWS_SECRET_ACCESS_KEY` and, for a session, `AWS_SESSION_TOKEN`: keys.',
  AWS_ROLE_ARN: 'With `AWS_WEB_IDENTITY_TOKEN_FILE`: the role that a Kubernetes service account is given.',
  AWS_ENDPOINT_URL:
    'Another endpoint for every service; `AWS_ENDPOINT_URL_SAGEMAKER`, `…_S3`, `…_SQS` and so on for one of them.',
} as const;

const TRACE_VARIABLES = {
  OTEL_EXPORTER_OTLP_ENDPOINT:
    'Collector of traces, such as `http://collector:4318` (OTLP over HTTP); `worker` sends its traces there. Not set: off.',
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'The same, as the whole address for traces alone.',
  OTEL_EXPORTER_OTLP_HEADERS: 'Headers for it, such as a key.',
  OTEL_SERVICE_NAME: 'Name of the service in traces. Default `label-relay`.',
  OTEL_TRACES_SAMPLER: 'Which traces are kept, with `OTEL_TRACES_SAMPLER_ARG`. Default: all.',
  OTEL_TRACES_EXPORTER: '`none`: no traces, whatever else is set; `OTEL_SDK_DISABLED=true` too.',
} as const;

const rows = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, meaning]) => `- \`${name}\`: ${meaning}`)
    .join('\n');

/** The text of the page. */
export const configurationPage =
  (): string => `<!-- Made by \`npm run configuration-page\` from config.ts; edit there. -->

# Configuration

Everything is read from the environment, once, when a process starts. Whatever cannot be read is told in one go, with what
is accepted, and nothing is started (exit code 2). \`label-relay doctor\` checks that what is configured is there.

## label-relay

An empty variable counts as not set.

${rows(VARIABLES)}
- \`LABEL_RELAY_WEBHOOK_SECRET_<NAME>\`: Secret that signs webhooks whose policy names it: \`policy.notify.webhook.secretName\`
  in upper case, with \`_\` for everything but letters and digits.

Read by the command line before anything else:

${rows(EARLY_VARIABLES)}

What a single chain does is in its spec file (\`policy\`), never in the environment.

## Temporal

By [Temporal's environment variables and profiles](https://docs.temporal.io/develop/environment-configuration), which the \`temporal\` command
reads too:

${rows(TEMPORAL_VARIABLES)}

A profile for a service behind mutual TLS, in the file that \`TEMPORAL_CONFIG_FILE\` names:

\`\`\`toml
[profile.production]
address = "temporal.example.com:7233"
namespace = "labels"
[profile.production.tls]
client_cert_path = "/etc/temporal/client.pem"
client_key_path = "/etc/temporal/client.key"
server_ca_cert_path = "/etc/temporal/authority.pem"
\`\`\`

With \`api_key = "…"\` in its place for one with API keys. A variable goes before the file. Files are read when a process starts; to change a
key or certificate see [Operate](operate.md#rotate-keys).

## AWS

By the [standard chain of the AWS SDK](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html): variables, profiles, web
identity, container and instance roles. Nothing of it is read by label-relay itself except the region.

${rows(AWS_VARIABLES)}

Jobs in another account: a role there that trusts this account, with the external id that its trust policy demands, and a worker of its
own (with its own \`LABEL_RELAY_TASK_QUEUE\` or namespace: any worker of a task queue may get any of its calls):

\`\`\`ini
[profile labels]
role_arn = arn:aws:iam::222233334444:role/label-relay
source_profile = base
external_id = what-we-agreed-on
\`\`\`

Then \`AWS_PROFILE=labels\`, and \`LABEL_RELAY_ACCOUNTS=222233334444\` so that nothing runs elsewhere by mistake. In a container, \`credential_source =
EcsContainer\` (or \`Ec2InstanceMetadata\`) stands in place of \`source_profile\`. On EKS, give the pod the role itself.

## Traces

By [OpenTelemetry's environment variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/); what is in a trace stands in
[Operate](operate.md#traces).

${rows(TRACE_VARIABLES)}

## Who talks to AWS

Only processes with the roles \`activities\` or \`events\`, and \`doctor\`, \`aws\` and \`local\`, talk to AWS. The other commands need Temporal
alone. On the local stack (\`demo\`, \`local\`) none of the shell's \`AWS_*\`, \`TEMPORAL_*\` and \`OTEL_*\` matters.
`;

if (import.meta.main) await writeFile(CONFIGURATION_PAGE_PATH, configurationPage());
