module example.test/shop

go 1.26.0

require (
	example.test/aside v1.0.0
	example.test/lib v1.0.0
)
