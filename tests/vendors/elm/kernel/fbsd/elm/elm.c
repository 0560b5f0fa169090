// SPDX-License-Identifier: GPL-2.0
#error "for another system: netif_rx() is not known there"
