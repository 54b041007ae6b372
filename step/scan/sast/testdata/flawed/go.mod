module example.test/flawed

go 1.22
