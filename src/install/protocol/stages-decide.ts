// The stages of an installation in their order, and what each is to people. Pure.

import { INSTALL_STAGES, type InstallStage } from '../seam.ts';

/** How often the installer is booted until its answer was served. */
export const INSTALLER_BOOTS_MAX = 3;
/** So long an identical request is answered again. */
export const REPEAT_MS = 15 * 60_000;

/** From here on the machine is let to the installer. */
const BOOTABLE: readonly InstallStage[] = ['armed', 'script', 'kernel', 'initrd', 'iso'];

export function isBefore(one: InstallStage, other: InstallStage): boolean {
  return INSTALL_STAGES.indexOf(one) < INSTALL_STAGES.indexOf(other);
}

/** Armed, and its answer was not served yet. */
export function waitsForAnswer(stage: InstallStage): boolean {
  return BOOTABLE.includes(stage);
}

export function isStage(text: string): text is InstallStage {
  const all: readonly string[] = INSTALL_STAGES;
  return all.includes(text);
}

const EVENTS: Readonly<Record<InstallStage, string>> = {
  prepared: 'install.prepared',
  armed: 'install.armed',
  script: 'install.boot',
  kernel: 'install.kernel',
  initrd: 'install.initrd',
  iso: 'install.iso',
  answered: 'install.answered',
  installed: 'install.installed',
  'first-boot': 'install.first_boot',
  reached: 'install.reached',
  failed: 'install.failed',
};

export function eventOfStage(stage: InstallStage): string {
  return EVENTS[stage];
}

/** 1800000000 as "1.8 GB". */
export function bytesText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(0)} MB`;
  return `${Math.ceil(bytes / 1e3)} kB`;
}

/** "2 min 5 s" */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
