package main

import (
	"example.test/lib/called"
	"example.test/lib/imported"
)

func main() { serve() }

func serve() { called.Parse("x"); imported.Safe() }
