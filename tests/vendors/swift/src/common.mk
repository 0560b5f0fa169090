# SPDX-License-Identifier: GPL-2.0
# Finds the kernel to build for.

BUILD_KERNEL ?= $(shell uname -r)

KSP := /lib/modules/${BUILD_KERNEL}/build \
       /lib/modules/${BUILD_KERNEL}/source \
       /usr/src/linux-${BUILD_KERNEL}
test_dir = $(shell [ -e ${dir}/include/generated/utsrelease.h ] && echo ${dir})
KSP := $(foreach dir,${KSP},${test_dir})

ifeq (,${KSRC})
  KSRC := $(firstword ${KSP})
endif
ifeq (,${KSRC})
  $(error Kernel header files not in any of the expected locations)
endif

KVER := $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' ${KSRC}/include/generated/utsrelease.h)
ifneq (${KVER},${BUILD_KERNEL})
  $(error ${KSRC} is of ${KVER}, not of ${BUILD_KERNEL})
endif

kernelbuild = ${MAKE} -C "${KSRC}" \
  CONFIG_SWIFT=m \
  M="${CURDIR}" \
  $(if ${W},W="${W}") \
  ${2} ${1}
