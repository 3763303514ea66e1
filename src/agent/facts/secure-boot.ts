// Whether the firmware enforces Secure Boot, as the kernel's EFI stub found it. Pure.

/** Linux, Documentation/arch/x86/boot.rst: boot_params.secure_boot; include/linux/efi.h: enum efi_secureboot_mode. */
const OFFSET = 0x1ec;
const MODES: ReadonlyMap<number, boolean> = new Map([
  [2, false],
  [3, true],
]);

/** From /sys/kernel/boot_params/data, which needs no driver as EFI variables do. null: not said, so for BIOS. */
export function parseSecureBoot(bootParams: Uint8Array | null): boolean | null {
  return MODES.get(bootParams?.[OFFSET] ?? 0) ?? null;
}
