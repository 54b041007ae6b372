module fairlead.dev

go 1.26.3
