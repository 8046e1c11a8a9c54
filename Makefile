# Berth. Every target is a script of the same name in scripts/; `make help` lists them.
PREFIX ?= /usr/local
DESTDIR ?=

.DEFAULT_GOAL := help
.PHONY: help run down demo build check test test-vm bench install uninstall clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

run: ## build Berth and run the pods of ./manifests (state in ./.berth; Ctrl-C leaves the pods running)
	@scripts/run

down: ## stop what `make run` started and remove every trace of it
	@scripts/down

demo: ## play the tour of the README against a fresh root and check every step
	@scripts/demo

build: ## release build, Swift runtime linked in
	@scripts/build

check: ## format, layering and quick unit tests
	@scripts/check

test: ## install what the tests need, build, run everything
	@scripts/test

test-vm: build ## the tests that need cgroup v2, in a virtual machine
	@scripts/test-vm

bench: build ## measure against the kernel's floor and podman
	@scripts/bench

install: build ## install to $(DESTDIR)$(PREFIX)
	@scripts/install "$(DESTDIR)" "$(PREFIX)"

uninstall: ## remove what `make install` put there; configuration and pods stay
	@scripts/uninstall "$(DESTDIR)" "$(PREFIX)"

clean: ## remove the build (pods of `make run` are stopped by `make down`)
	@scripts/clean
