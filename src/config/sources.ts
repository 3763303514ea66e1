// Where each setting came from: a line of the file, an environment variable, or nowhere (a default). Pure.

import { keyOfPointer, parentPointer } from './pointer.ts';
import type { Problem } from './problem.ts';
import type { Place, TomlDocument } from './toml-document.ts';

export interface Origin {
  readonly source: 'file' | 'env' | 'default';
  readonly line?: number;
  readonly variable?: string;
}

export interface Sources {
  /** Where to point a person to; for what is written nowhere, the table it belongs in. */
  placeOf(pointer: string, part: 'key' | 'value'): Pick<Problem, 'file' | 'line' | 'column' | 'variable'>;
  originOf(pointer: string): Origin;
  /** 'dhcp.subnet[0] (line 12)' */
  where(pointer: string): string;
}

export function makeSources(file: string | undefined, document: TomlDocument, fromEnv: ReadonlyMap<string, string>): Sources {
  const written = (pointer: string, part: 'key' | 'value'): Place | undefined => {
    const [first, second] = part === 'key' ? [document.keys, document.values] : [document.values, document.keys];
    return first.get(pointer) ?? second.get(pointer);
  };
  const variableOf = (pointer: string): string | undefined => fromEnv.get(upwards(pointer).find((at) => fromEnv.has(at)) ?? '');
  return {
    placeOf: (pointer, part) => {
      const variable = variableOf(pointer);
      if (variable !== undefined) return { variable };
      const at = upwards(pointer).find((above) => written(above, part) !== undefined);
      const place = at === undefined ? undefined : written(at, part);
      return { ...(file === undefined ? {} : { file }), ...place };
    },
    originOf: (pointer) => {
      const variable = variableOf(pointer);
      if (variable !== undefined) return { source: 'env', variable };
      const place = written(pointer, 'key');
      return place === undefined ? { source: 'default' } : { source: 'file', line: place.line };
    },
    where: (pointer) => {
      const line = variableOf(pointer) === undefined ? written(pointer, 'value')?.line : undefined;
      return `${keyOfPointer(pointer)}${line === undefined ? '' : ` (line ${line})`}`;
    },
  };
}

/** The pointer, then all above it, nearest first. */
function upwards(pointer: string): string[] {
  const all = [pointer];
  for (let at = parentPointer(pointer); at !== ''; at = parentPointer(at)) all.push(at);
  return all;
}
