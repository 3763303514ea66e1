// Defaults that depend on other settings or on who runs the program. Pure.

import { putAt, type Table, valueAt } from './pointer.ts';

export interface ConfigDefaults {
  /** Where data goes when nothing is configured: the caller knows whether it is a system service. Absolute. */
  readonly dataDir: string;
}

const STANDARD_DHCP_PORT = 67;

interface DerivedDefault {
  readonly pointer: string;
  readonly value: (tree: Table, defaults: ConfigDefaults) => unknown;
}

/** In this order: later ones read earlier ones. Each key has its words in the schema (x-default). */
export const DERIVED_DEFAULTS: readonly DerivedDefault[] = [
  { pointer: '/server/data_dir', value: (_, { dataDir }) => dataDir },
  { pointer: '/server/artefacts_dir', value: (tree) => inDataDir(tree, 'artefacts') },
  { pointer: '/store/url', value: (tree) => `sqlite://${inDataDir(tree, 'rackseed.sqlite').split('/').map(encodeURIComponent).join('/')}` },
  { pointer: '/store/key_file', value: (tree) => inDataDir(tree, 'store.key') },
  { pointer: '/dhcp6/mode', value: (tree) => (answersFirmware(tree) ? 'stateless' : 'off') },
  { pointer: '/dhcp6/interfaces', value: (tree) => structuredClone(valueAt(tree, '/dhcp/interfaces')) },
  { pointer: '/tftp/enabled', value: (tree) => valueAt(tree, '/dhcp/mode') !== 'off' || valueAt(tree, '/dhcp6/mode') !== 'off' },
];

/** Fills what is still missing; returns the pointers it filled. */
export function derive(tree: Table, defaults: ConfigDefaults): string[] {
  const missing = DERIVED_DEFAULTS.filter(({ pointer }) => valueAt(tree, pointer) === undefined);
  for (const { pointer, value } of missing) putAt(tree, pointer, value(tree, defaults));
  return missing.map(({ pointer }) => pointer);
}

/** Firmware asks the standard port alone: a DHCP server on another one hears what people send it. */
function answersFirmware(tree: Table): boolean {
  return valueAt(tree, '/dhcp/mode') !== 'off' && valueAt(tree, '/dhcp/port') === STANDARD_DHCP_PORT;
}

function inDataDir(tree: Table, name: string): string {
  return `${String(valueAt(tree, '/server/data_dir')).replace(/\/+$/, '')}/${name}`;
}
