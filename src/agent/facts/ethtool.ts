// What a network port can do and does, from `ethtool NAME` and `ethtool -i NAME`. Pure.

import type { PortFacts } from '../../inspect/facts.ts';
import { cleanDmiText } from '../../inspect/identity.ts';

export function parsePort(name: string, settings: string, driver: string): PortFacts {
  const set = (key: string): string | undefined => new RegExp(`^\\s*${key}: (.*)$`, 'm').exec(settings)?.[1]?.trim();
  const about = (key: string): string | undefined => new RegExp(`^${key}: (.*)$`, 'm').exec(driver)?.[1]?.trim();
  const speed = /^(\d+)Mb\/s$/.exec(set('Speed') ?? '')?.[1];
  const link = set('Link detected')?.split(' ')[0];
  return {
    name: name.slice(0, 256),
    driver: cleanDmiText(about('driver')),
    firmware: cleanDmiText(about('firmware-version')),
    bus: cleanDmiText(about('bus-info')),
    link: link === 'yes' ? true : link === 'no' ? false : null,
    speed_mbps: speed === undefined ? null : Number(speed),
    max_mbps: fastest(settings),
    wake_on: letters(set('Wake-on')),
    wake_supported: letters(set('Supports Wake-on')),
  };
}

/** Of the list behind "Supported link modes", which goes on in the next lines. */
function fastest(settings: string): number | null {
  const list = /^\s*Supported link modes:(?<modes>[\s\S]*?)^\s*[A-Z][^:\n]*:/m.exec(settings)?.groups?.modes ?? '';
  const speeds = [...list.matchAll(/\b(\d+)base/g)].map((match) => Number(match[1]));
  return speeds.length === 0 ? null : Math.max(...speeds);
}

function letters(text: string | undefined): string | null {
  return text !== undefined && /^[a-z]{1,16}$/.test(text) ? text : null;
}
