// Writes docs/reference/ from the code: `npm run docs`. Each document is a function, so that a test can compare it with what is committed.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IMAGES_ERRORS } from '../images/errors.ts';
import { ACCESS_ERRORS } from '../src/access/index.ts';
import { AGENT_ERRORS } from '../src/agent/errors.ts';
import { API_ERRORS } from '../src/api/index.ts';
import { APP_ERRORS } from '../src/app-files.ts';
import { BOOT_ERRORS } from '../src/boot/index.ts';
import { CHECK_ERRORS } from '../src/checks/index.ts';
import { CLI_ERRORS } from '../src/cli/index.ts';
import { CLUSTER_ERRORS } from '../src/clusters/index.ts';
import { CONFIG_ERRORS, envVariables, jsonSchema, SCHEMA_FILE, type SchemaNode, schemaText } from '../src/config/index.ts';
import { ENROL_ERRORS } from '../src/enrol/index.ts';
import { INSPECT_ERRORS } from '../src/inspect/index.ts';
import { INSTALL_ERRORS } from '../src/install/errors.ts';
import { INSTALL_PROTOCOL_ERRORS } from '../src/install/index.ts';
import { LAB_ERRORS } from '../src/lab/index.ts';
import type { ErrorCatalogue } from '../src/lib/index.ts';
import { LIFECYCLE_ERRORS } from '../src/lifecycle/index.ts';
import { DHCP_ERRORS } from '../src/net/dhcp/index.ts';
import { DHCP6_ERRORS } from '../src/net/dhcp6/index.ts';
import { TFTP_ERRORS } from '../src/net/tftp/index.ts';
import { NODE_ERRORS, RECORD_ERRORS, stateDocs } from '../src/nodes/index.ts';
import { PIPELINE_ERRORS } from '../src/pipeline/index.ts';
import { POWER_ERRORS } from '../src/power/index.ts';
import { PROXMOX_ERRORS } from '../src/proxmox/index.ts';
import { RESERVATION_ERRORS } from '../src/reservations/index.ts';
import { STORE_ERRORS } from '../src/store/index.ts';
import { TASK_ERRORS } from '../src/tasks/index.ts';

interface DocFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

const CATALOGUES: readonly ErrorCatalogue[] = [
  ACCESS_ERRORS,
  AGENT_ERRORS,
  API_ERRORS,
  APP_ERRORS,
  BOOT_ERRORS,
  CLI_ERRORS,
  CLUSTER_ERRORS,
  CONFIG_ERRORS,
  DHCP_ERRORS,
  DHCP6_ERRORS,
  CHECK_ERRORS,
  ENROL_ERRORS,
  IMAGES_ERRORS,
  INSPECT_ERRORS,
  INSTALL_ERRORS,
  INSTALL_PROTOCOL_ERRORS,
  LAB_ERRORS,
  LIFECYCLE_ERRORS,
  NODE_ERRORS,
  PIPELINE_ERRORS,
  POWER_ERRORS,
  PROXMOX_ERRORS,
  RECORD_ERRORS,
  RESERVATION_ERRORS,
  STORE_ERRORS,
  TASK_ERRORS,
  TFTP_ERRORS,
];

export function referenceDocs(): readonly DocFile[] {
  return [
    { path: 'docs/reference/errors.md', text: errorsPage(CATALOGUES) },
    { path: 'docs/reference/config.md', text: configPage() },
    { path: SCHEMA_FILE, text: schemaText() },
    ...stateDocs(),
  ];
}

/** Throws when two rooms use one code for two things. */
function errorsPage(catalogues: readonly ErrorCatalogue[]): string {
  const rows = catalogues.flatMap((catalogue) => Object.entries(catalogue)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const twice = rows.find(([code], index) => rows[index + 1]?.[0] === code);
  if (twice !== undefined) throw new Error(`the error code ${twice[0]} is declared twice`);
  const lines = rows.map(
    ([code, spec]) => `| \`${code}\` | ${spec.status} | ${spec.retryable === true ? 'yes' : 'no'} | ${cell(spec.about)} |`,
  );
  return `# Errors

Every error has a code, says what and where, and ends with the next step. Through the API it is \`application/problem+json\` with this status.
"Again" says whether the same thing can succeed later without anybody changing anything. A code is never used for a second meaning.

| code | status | again | when |
| --- | --- | --- | --- |
${lines.join('\n')}
`;
}

function configPage(): string {
  const variables = new Map(envVariables().map((one) => [one.pointer, one.name]));
  const sections = Object.entries(jsonSchema().properties ?? {}).map(([name, node]) => section([name], node, variables));
  return `# rackseed.toml

\`rackseed config init\` prints all of this as a commented file; \`rackseed config check\` names what is wrong; \`rackseed config show\` says what is
in force and where it comes from. Secrets are never written into the file: { env = "NAME" }, { file = "/path" } or { credential = "name" }.

${sections.join('\n')}`;
}

function section(path: readonly string[], node: SchemaNode, variables: ReadonlyMap<string, string>): string {
  const table = node.items ?? node;
  const keys = Object.entries(table.properties ?? {});
  const isTable = (one: SchemaNode): boolean => one.items?.properties !== undefined;
  const title = node.items === undefined ? `[${path.join('.')}]` : `[[${path.join('.')}]]`;
  const rows = keys.filter(([, one]) => !isTable(one)).map(([key, one]) => row(path, key, one, table, variables));
  const inner = keys.filter(([, one]) => isTable(one)).map(([key, one]) => section([...path, key], one, variables));
  const head = `## ${title}\n\n${node.description ?? ''}\n\n| key | what | default | environment |\n| --- | --- | --- | --- |`;
  return `${[head, ...rows].join('\n')}\n${inner.map((text) => `\n${text}`).join('')}`;
}

function row(path: readonly string[], key: string, node: SchemaNode, parent: SchemaNode, variables: ReadonlyMap<string, string>): string {
  const variable = variables.get(`/${[...path, key].join('/')}`);
  const given = node['x-default'] ?? (node.default === undefined ? undefined : `\`${JSON.stringify(node.default)}\``);
  const none = parent.required?.includes(key) === true ? 'must be given' : '-';
  return `| \`${key}\` | ${cell(node.description ?? '')} | ${cell(given ?? none)} | ${variable === undefined ? '-' : `\`${variable}\``} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, text } of referenceDocs()) await writeFile(join(import.meta.dirname, '..', path), text);
}
