# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory: boots a kernel in QEMU with the modules under test, feeds it frames and judges what it did.

qemu -> machine -> guest          a QEMU binary, a virtual machine, commands run inside it
modules -> initramfs (cpio)       what the guest boots with
frames, pcap -> wire              what the host sends and compares
kmsg, leaks                       what the guest's kernel may not say, and what it must give back
link, scenario -> rehearse        how frames reach the device, the phases, the verdict
"""
