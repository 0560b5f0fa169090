# SPDX-License-Identifier: GPL-2.0

KREL ?= $(shell uname -r)
KOBJ ?= $(firstword $(wildcard /lib/modules/$(KREL)/build /usr/src/linux-headers-$(KREL)))
ifeq ($(KOBJ),)
$(error no headers of kernel $(KREL))
endif

KMAKE := $(MAKE) -C $(KOBJ) $(if $(V),V=$(V))
COMPAT := $(TOP)/compat/generated.h

$(COMPAT): $(TOP)/build/probe.sh $(wildcard $(TOP)/build/probes/*.c)
	KOBJ="$(KOBJ)" MAKE="$(MAKE)" sh $(TOP)/build/probe.sh $(TOP)/build > $@.new
	mv $@.new $@
