// The processor, from /proc/cpuinfo. Pure.

import { type Cpu, INVENTORY_LIMITS } from '../../inspect/inventory.ts';

/** `maxKilohertz` is cpufreq's, where there is one: the cpuinfo figure is what the first core runs at this instant. */
export function parseCpuinfo(text: string, architecture: string, maxKilohertz: string | null): Cpu {
  const blocks = text.split(/\n\s*\n/).map(fieldsOf);
  const processors = blocks.filter((fields) => fields.has('processor'));
  const [first] = processors;
  const sockets = new Set(processors.flatMap((fields) => fields.get('physical id') ?? []));
  const flags = (first?.get('flags') ?? first?.get('Features') ?? '').split(/\s+/).filter((flag) => flag !== '' && flag.length <= 64);
  const kilohertz = Number(maxKilohertz ?? '');
  return {
    model_name: short(first?.get('model name')),
    frequency: kilohertz > 0 ? (kilohertz / 1000).toFixed(4) : short(first?.get('cpu MHz')),
    count: Math.max(1, processors.length),
    architecture,
    flags: flags.slice(0, INVENTORY_LIMITS.cpuFlags),
    socket_count: sockets.size > 0 ? sockets.size : null,
  };
}

function fieldsOf(block: string): Map<string, string> {
  const pairs = block.split('\n').map((line) => line.split(/\s*:\s*/, 2));
  return new Map(pairs.flatMap(([key, value]) => (key === undefined || value === undefined ? [] : [[key.trim(), value.trim()]])));
}

function short(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text.slice(0, INVENTORY_LIMITS.textLength);
}

/** The kernel's word for Node's. */
export function kernelArchitecture(nodeArchitecture: string): string {
  const names: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
  return names[nodeArchitecture] ?? nodeArchitecture;
}
