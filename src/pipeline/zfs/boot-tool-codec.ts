// What `proxmox-boot-tool status` says of the EFI partitions that it keeps, and by which loader. Pure.

export interface BootTool {
  /** UUIDs of the file systems of its partitions, as it writes them: D91B-B982. */
  readonly uuids: readonly string[];
  /** Whether init is to be told `grub`. */
  readonly isGrub: boolean;
}

/** `D91B-B982 is configured with: grub (versions: 6.8.12-18-pve)` */
export function readBootTool(text: string): BootTool {
  const lines = [...text.matchAll(/^(?:WARN: )?([0-9A-F]{4}-[0-9A-F]{4}) is configured with: (.*)$/gim)];
  return {
    uuids: lines.map(([, uuid = '']) => uuid.toUpperCase()),
    // Of `uefi and grub` systemd-boot is what starts a machine with UEFI; grub alone is there for BIOS and for Secure Boot.
    isGrub: lines.length > 0 && lines.every(([, , how = '']) => /grub/.test(how) && !/uefi/.test(how)),
  };
}
